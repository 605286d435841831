# The node image: one qcow2 disk with everything that a node of one Kubernetes version needs, whatever the lab.
# Builds with Packer 1.6, which has no plugins, and with current ones, which also read plugins.pkr.hcl. homelab
# gives every variable: those of node.pkrvars.json decide what is in the image, the others only how it is built.

variable "kubernetes_version" {
  type        = string
  description = "Without the leading v: 1.31.4."
}

variable "kubernetes_package" {
  type        = string
  description = "Debian version of kubeadm, kubelet and kubectl."
}

variable "kubernetes_apt_repository" {
  type = string
}

variable "kubernetes_apt_key" {
  type = string
}

variable "kubernetes_apt_key_fingerprint" {
  type = string
}

variable "sandbox_image" {
  type        = string
  description = "The image of pods' sandboxes; without a network kubeadm's own list has the last word."
}

variable "kube_vip_image" {
  type        = string
  description = "Empty when the lab has no kube-vip."
}

variable "cni" {
  type = string
}

variable "helm_version" {
  type        = string
  description = "Empty when no chart is put in."
}

variable "helm_sha256" {
  type = string
}

variable "extra_packages" {
  type        = list(string)
  description = "Debian packages beyond what every node has."
}

variable "offline" {
  type        = bool
  description = "True when everything comes from the bundle and nothing from a network."
}

variable "base_image" {
  type        = string
  description = "Address or absolute path of a bootable Debian qcow2 image."
}

variable "base_image_checksum" {
  type        = string
  description = "Such as sha512:..."
}

variable "ssh_username" {
  type        = string
  description = "May use sudo without a password; cloud-init makes it in images that have cloud-init."
}

variable "ssh_private_key_file" {
  type = string
}

variable "seed_directory" {
  type        = string
  description = "Folder with user-data and meta-data for cloud-init."
}

variable "bundle_directory" {
  type        = string
  description = "Folder with the bundle's files for this version; empty when online."
}

variable "output_directory" {
  type        = string
  description = "Made by Packer; must not be there."
}

variable "accelerator" {
  type        = string
  description = "Either kvm or tcg."
}

variable "ssh_timeout" {
  type = string
}

variable "shutdown_timeout" {
  type = string
}

variable "cpus" {
  type    = number
  default = 2
}

variable "memory_mib" {
  type    = number
  default = 2048
}

variable "disk_size" {
  type        = string
  description = "Virtual size of the nodes' root disk."
}

source "qemu" "node" {
  accelerator      = var.accelerator
  headless         = true
  machine_type     = "q35"
  cpus             = var.cpus
  memory           = var.memory_mib
  disk_image       = true
  iso_url          = var.base_image
  iso_checksum     = var.base_image_checksum
  disk_size        = var.disk_size
  disk_discard     = "unmap"
  format           = "qcow2"
  output_directory = var.output_directory
  vm_name          = "box.img"
  boot_wait        = "1s"

  # cloud-init finds its seed by the serial number. A CD or a floppy would not do: the kernel of Debian's cloud
  # images has no driver for either. Packer 1.6 cannot make a CD anyway.
  http_directory = var.seed_directory
  qemuargs = [
    ["-cpu", "max"],
    ["-smbios", "type=1,serial=ds=nocloud-net;s=http://{{ .HTTPIP }}:{{ .HTTPPort }}/"],
  ]

  ssh_username         = var.ssh_username
  ssh_private_key_file = var.ssh_private_key_file
  ssh_timeout          = var.ssh_timeout
  # Debian's sshd may be restarted by cloud-init just after it first answered.
  ssh_handshake_attempts = 100
  shutdown_command       = "sudo systemctl poweroff"
  shutdown_timeout       = var.shutdown_timeout
}

build {
  sources = ["source.qemu.node"]

  # The root file system must have grown before a bundle is put on it.
  provisioner "shell" {
    execute_command = "chmod +x {{ .Path }}; sudo env {{ .Vars }} bash {{ .Path }}"
    script          = "scripts/00-begin.sh"
  }

  provisioner "file" {
    source      = "files"
    destination = "/var/tmp/homelab/"
  }

  provisioner "file" {
    source      = var.bundle_directory
    destination = "/var/tmp/homelab/"
  }

  provisioner "shell" {
    execute_command = "chmod +x {{ .Path }}; sudo env {{ .Vars }} bash {{ .Path }}"
    environment_vars = [
      "HOMELAB_DIR=/var/tmp/homelab",
      "KUBERNETES_VERSION=v${var.kubernetes_version}",
      "KUBERNETES_PACKAGE=${var.kubernetes_package}",
      "KUBERNETES_APT_REPOSITORY=${var.kubernetes_apt_repository}",
      "KUBERNETES_APT_KEY=${var.kubernetes_apt_key}",
      "KUBERNETES_APT_KEY_FINGERPRINT=${var.kubernetes_apt_key_fingerprint}",
      "SANDBOX_IMAGE=${var.sandbox_image}",
      "KUBE_VIP_IMAGE=${var.kube_vip_image}",
      "CNI=${var.cni}",
      "HELM_VERSION=${var.helm_version}",
      "HELM_SHA256=${var.helm_sha256}",
      "EXTRA_PACKAGES=${join(" ", var.extra_packages)}",
      "OFFLINE=${var.offline}",
    ]
    scripts = [
      "scripts/10-packages.sh",
      "scripts/20-system.sh",
      "scripts/30-kubernetes.sh",
      "scripts/40-containerd.sh",
      "scripts/50-programs.sh",
      "scripts/60-images.sh",
      "scripts/70-kube-vip.sh",
      "scripts/80-vagrant.sh",
      "scripts/90-end.sh",
    ]
  }
}
