module harden.test/external-secrets

go 1.24.0

require github.com/external-secrets/external-secrets v0.20.4
