/** A beginning of this many letters is as good as a word with one wrong letter. */
const MIN_BEGINNING = 2;

/** The candidate that was probably meant, if one is close enough: a third of its letters may be wrong, or its end missing. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distanceTo(candidate, word) }))
    .filter(({ candidate, distance }) => distance <= Math.max(1, Math.floor(candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

function distanceTo(candidate: string, word: string): number {
  const distance = editDistance(word, candidate);
  return word.length >= MIN_BEGINNING && candidate.startsWith(word) ? Math.min(1, distance) : distance;
}

/** Letters put in, left out, replaced, or two of them swapped (optimal string alignment). */
function editDistance(a: string, b: string): number {
  let before: readonly number[] = [];
  let row = Array.from({ length: b.length + 1 }, (_, index) => index);
  for (let i = 0; i < a.length; i++) {
    const next = [i + 1];
    for (let j = 0; j < b.length; j++) {
      const isSwapped = a[i] === b[j - 1] && a[i - 1] === b[j];
      const steps = [
        (row[j] ?? 0) + (a[i] === b[j] ? 0 : 1),
        (row[j + 1] ?? 0) + 1,
        (next[j] ?? 0) + 1,
        ...(isSwapped ? [(before[j - 1] ?? 0) + 1] : []),
      ];
      next.push(Math.min(...steps));
    }
    before = row;
    row = next;
  }
  return row[b.length] ?? 0;
}
