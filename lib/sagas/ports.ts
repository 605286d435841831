/** What a saga is given beside the lab: where results are kept, and what an offline bundle brings. */

/** The lab's folder beside the configuration. Writes are durable when they return. */
export interface LabFolder {
  write(name: string, content: string, mode: number): void;
  remove(name: string): void;
  /** Null when there is no such file. */
  read(name: string): string | null;
}

export interface SagaPorts {
  readonly folder: LabFolder;
  /** A manifest from the bundle's `common/manifests`; null when there is no bundle, or no such file in it. */
  readonly bundleManifest: (name: string) => string | null;
}
