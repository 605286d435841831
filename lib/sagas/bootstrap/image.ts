/** The node image that real machines are made from, built when it is not on this computer. */
import { UserError, must } from '../../base/errors.js';
import { StepError, type Step, type StepContext } from '../../engine/saga.js';
import type { NodeImage } from '../../provider/provider.js';
import type { Bootstrap } from '../bootstrap.js';
import { brief, minutes } from '../timing.js';

export function buildImage({ lab }: Bootstrap): Step {
  return {
    key: 'image',
    title: `Build the node image for Kubernetes ${lab.kubernetes.version}`,
    kind: 'compensable',
    retry: brief(lab),
    timeoutMs: minutes(lab, 100),
    probe: async (context) => ((await imageOf(context).isThere()) ? 'done' : 'not-done'),
    run: async (context) => {
      const { signal } = context;
      const onProgress = (line: string): void => {
        context.log(line);
      };
      try {
        await imageOf(context).build({ signal, onProgress });
      } catch (error) {
        if (!(error instanceof UserError)) throw error;
        const { code, message, remedy } = error;
        // What stopped a build stops the next one too; a download that broke off is the exception, and Packer
        // tries that again itself.
        throw new StepError({ code, message, remedy, retryable: false, cause: error });
      }
    },
    // The engine undoes a step only when it acted: an image that was there before stays.
    compensate: async (context) => {
      try {
        await imageOf(context).remove();
      } catch (error) {
        if (!(error instanceof UserError) || error.code !== 'image-in-use') throw error;
        context.log(`the image stays: ${error.message}`);
      }
    },
  };
}

function imageOf({ provider }: StepContext): NodeImage {
  return must(provider.image, `the ${provider.name} provider has no image`);
}
