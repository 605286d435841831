/** The JSON Schema of `bundle.yaml`; schemas/bundle.schema.json is it written out. */
import type { Schema } from '../config/schema-parts.js';
import { ARCHITECTURES, BUNDLE_API } from '../model/bundle.js';

export const BUNDLE_SCHEMA: Schema = {
  $schema: 'http://json-schema.org/draft-07/schema#',
  $id: 'https://homelab.invalid/bundle.schema.json',
  title: 'bundle.yaml',
  type: 'object',
  description: 'Everything that labs need without a network: a folder, with a digest for each of its files.',
  properties: {
    apiVersion: { type: 'string', enum: [BUNDLE_API], description: 'Version of this format.' },
    kind: { type: 'string', enum: ['Bundle'], description: 'Always Bundle.' },
    architecture: {
      type: 'string',
      enum: ARCHITECTURES,
      description: 'Processor that its programs and images are for.',
    },
    kubernetes: {
      type: 'array',
      items: { type: 'string', pattern: '^v1\\.[0-9]+\\.[0-9]+$', title: 'a version such as v1.31.4' },
      uniqueItems: true,
      description: 'Versions of Kubernetes in it; each has a folder of that name.',
    },
    files: {
      type: 'array',
      description: 'Every file of the bundle but this one.',
      items: {
        type: 'object',
        properties: {
          path: {
            type: 'string',
            // A relative path that nowhere goes up and has no empty part.
            pattern: '^(?!.*(^|/)\\.{0,2}(/|$))[^\\\\\\u0000-\\u001f]+$',
            title: 'a path below the bundle such as v1.31.4/bin/kubeadm',
            description: 'Relative to the bundle, with forward slashes.',
          },
          sha256: {
            type: 'string',
            pattern: '^[0-9a-f]{64}$',
            title: '64 lower-case hex digits',
            description: 'SHA-256 of its content.',
          },
          size: { type: 'integer', minimum: 0, description: 'Its size in bytes.' },
        },
        required: ['path', 'sha256', 'size'],
        additionalProperties: false,
      },
    },
  },
  required: ['apiVersion', 'kind', 'architecture', 'kubernetes', 'files'],
  additionalProperties: false,
};
