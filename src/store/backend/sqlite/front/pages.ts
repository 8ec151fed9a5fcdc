/** The pages of a listing, each read while the caller processes the one before it. */

/** Where a page begins: index of the range and UID. */
type Place = readonly [number, number];

export async function* pagesAhead<Page extends { readonly next: Place | null }>(
  ask: (from: Place) => Promise<Page>,
): AsyncIterable<Page> {
  let asked: Promise<Page> | null = ask([0, 0]);
  while (asked !== null) {
    const page: Page = await asked;
    asked = page.next === null ? null : ask(page.next);
    asked?.catch(() => {});
    yield page;
  }
}
