// Recordings of real programs, compared with what the simulated ones print after what cannot be equal is scrubbed.
import { readFileSync } from 'node:fs';

export interface Transcript {
  readonly machine: string;
  readonly argv: readonly string[];
  readonly stdin?: string;
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** A recording of test/fixtures/transcripts by its name. The tests run from the project's folder. */
export function transcript(name: string): Transcript {
  return JSON.parse(readFileSync(`test/fixtures/transcripts/${name}.json`, 'utf8')) as Transcript;
}

/** Replaces ages, generated parts of names, ids and versions of the machines' software, then runs of blanks. */
export function scrub(text: string): string {
  return text
    .replace(/\b[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/g, 'UID')
    .replace(/\b\d{4}-\d\d-\d\dT[\d:.]+Z/g, 'TIME')
    .replace(/"resourceVersion": "\d+"/g, '"resourceVersion": "N"')
    .replace(/"leaseDurationSeconds": \d+/g, '"leaseDurationSeconds": N')
    .replace(/(kube-proxy|web-[a-z0-9]+|coredns-[a-z0-9]+)-[a-z0-9]{5}\b/g, '$1-POD')
    .replace(/\b(web|coredns)-[a-z0-9]{8,10}\b/g, '$1-HASH')
    .replace(/ (\d+[smhd])+ /g, ' AGE ')
    .replace(/6\.1\.0-\d+-cloud-amd64/g, 'KERNEL')
    .replace(/containerd:\/\/[\d.]+/g, 'RUNTIME')
    .replace(/"(buildDate|gitCommit|goVersion)": "[^"]*"/g, '"$1": "X"')
    .replace(/ +/g, ' ');
}
