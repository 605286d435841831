/** What was done to a simulated world from outside, as a person would say it. Contents of files are left out. */
import type { Operation } from './operations.js';
import type { SessionEnd } from './session.js';

export function operationText(operation: Operation): string {
  switch (operation.kind) {
    case 'create':
      return `create ${operation.machines.map(({ name }) => name).join(' ')}`;
    case 'destroy':
      return `destroy ${operation.machines.join(' ')}`;
    case 'power':
      return `power ${operation.action}`;
    case 'pause':
    case 'resume':
      return operation.kind;
    case 'link':
      return `link ${operation.state}`;
    case 'disk':
      return `disk ${operation.latencyMs} ms slower`;
    case 'etcd-size':
      return `etcd of ${operation.bytes} bytes`;
    case 'run':
      return operation.argv.join(' ');
    case 'read':
    case 'write':
    case 'send':
      return `${operation.kind} ${operation.path}`;
    case 'cancel':
      return `cancel operation ${operation.seq}`;
    case 'fault':
      return `plan ${operation.action} of ${operation.machine}`;
  }
}

/** `exit code 0`, `lost`: how a session ended, without what it printed. */
export function endText(end: SessionEnd): string {
  switch (end.kind) {
    case 'exited':
      return `exit code ${end.code}`;
    case 'unreachable':
      return end.reason;
    case 'file-error':
      return end.message;
    case 'timedOut':
      return 'out of time';
    case 'content':
      return end.content === null ? 'no such file' : 'read';
    default:
      return end.kind;
  }
}
