curl -s "$API/api/v1/namespaces/ci/configmaps/key" | jq -r .data.key | base64 -d > key
