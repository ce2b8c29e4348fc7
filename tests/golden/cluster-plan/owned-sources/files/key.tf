resource "kubernetes_config_map" "key" {
  metadata {
    name      = "key"
    namespace = "media"
  }
  binary_data = {
    key = filebase64("git-crypt.key")
  }
}
