/**
 * Whether an SSH server speaks at an address: the line that it says before anything else, and nothing of
 * SSH beyond.
 */
import { createConnection } from 'node:net';

export function readBanner(
  { address, port }: { readonly address: string; readonly port: number },
  timeoutMs: number,
): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = createConnection({ host: address, port });
    let said = '';
    const end = (answer: boolean): void => {
      clearTimeout(timer);
      socket.destroy();
      resolve(answer);
    };
    const timer = setTimeout(end, timeoutMs, false);
    socket.on('data', (chunk) => {
      said += chunk.toString('latin1');
      if (said.length >= 4) end(said.startsWith('SSH-'));
    });
    for (const event of ['error', 'end', 'close']) {
      socket.on(event, () => {
        end(false);
      });
    }
  });
}
