//go:build tools

// Package tools names the operator that scripts/build-cluster.sh builds.
package tools

import (
	_ "github.com/hashicorp/vault-secrets-operator"
)
