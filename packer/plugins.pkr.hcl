# Which plugins current Packer needs; `packer init` fetches them. Packer 1.6 has the QEMU builder inside and
# refuses this block, so homelab gives it node.pkr.hcl alone.
packer {
  required_version = ">= 1.7.0"
  required_plugins {
    qemu = {
      source  = "github.com/hashicorp/qemu"
      version = "~> 1.1"
    }
  }
}
