/**
 * Resolves after everything that can run without waiting has run. `setImmediate` where there is one (Node), a
 * message channel elsewhere (browsers); both come after all promise callbacks that are due.
 */
export function settle(): Promise<void> {
  return new Promise((resolve) => {
    if (typeof setImmediate === 'function') {
      setImmediate(resolve);
      return;
    }
    const channel = new MessageChannel();
    channel.port1.addEventListener('message', () => {
      channel.port1.close();
      resolve();
    });
    channel.port1.start();
    channel.port2.postMessage(null);
  });
}
