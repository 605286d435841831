/** Says the version. Starts fast: nothing of the command line's parser or of the simulator is loaded for it. */
import { packageVersion } from './package.js';
import type { Session } from './session.js';

/** The JSON document of `homelab version -o json`: versions without a leading v. */
export interface VersionDocument {
  readonly homelab: string;
  readonly node: string;
}

export function version(session: Session): number {
  const document: VersionDocument = { homelab: packageVersion(), node: session.io.nodeVersion };
  session.result(document, `homelab ${document.homelab}\nNode ${document.node}\n`);
  return 0;
}
