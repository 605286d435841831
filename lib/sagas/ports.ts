/** What a saga is given beside the lab: where results are kept, and what an offline bundle brings. No I/O of its own. */

/** The lab's folder beside the configuration. Writes are durable when they return. */
export interface LabFolder {
  write(name: string, content: string, mode: number): void;
  remove(name: string): void;
  /** Null when there is no such file. */
  read(name: string): string | null;
}

export interface SagaPorts {
  readonly folder: LabFolder;
  /** A manifest from the bundle's `common/manifests`; null when the lab has no bundle or the bundle has no such file. */
  readonly bundleManifest: (name: string) => string | null;
}
