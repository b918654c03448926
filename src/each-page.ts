import type { AreNew, Page } from './providers/provider.ts';

/** Visits the pages one after the other, and tells where they come from what `visit` says of each. */
export async function eachPage(
  pages: AsyncGenerator<Page, void, AreNew>,
  visit: (page: Page) => Promise<AreNew>,
): Promise<void> {
  try {
    let step = await pages.next();
    while (step.done !== true) step = await pages.next(await visit(step.value));
  } finally {
    await pages.return();
  }
}
