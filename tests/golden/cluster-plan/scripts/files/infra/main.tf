data "kubernetes_config_map" "ssh" {
  metadata {
    name      = "ssh"
    namespace = "ci"
  }
}
