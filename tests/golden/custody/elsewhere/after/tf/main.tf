resource "kubernetes_config_map" "key" {
  metadata {
    name = "git-crypt-key"
  }
  data = {
    key = filebase64("${path.module}/../keys/infra.key.b64")
  }
}
