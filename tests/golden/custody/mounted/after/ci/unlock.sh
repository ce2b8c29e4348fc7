#!/bin/sh
set -eu
curl -sf "$API/api/v1/namespaces/ci/configmaps/other" | jq .
