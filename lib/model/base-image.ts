/** What the node image is built from when a lab does not say. */

/**
 * Debian 12's image for clouds, of a dated folder, which does not change. The digest is the one in the folder's
 * SHA512SUMS as public repositories on GitHub that pin the same image quote it, independently of one another;
 * Packer compares the download with it.
 */
export const DEFAULT_BASE_IMAGE = {
  base: 'https://cloud.debian.org/images/cloud/bookworm/20260909-2596/debian-12-genericcloud-amd64-20260909-2596.qcow2',
  checksum:
    'sha512:08fea112563461f251f3c95a5c5cf8cb25eb60f74cec03e85a97ff91d3efef30' +
    '59d35837598bbb476008f20db6d3bdc7143c5f2f2a9a6da394a0acc601fd5986',
} as const;
