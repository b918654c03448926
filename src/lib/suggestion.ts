import { distance } from 'fastest-levenshtein';

/** A beginning of this many letters is as good as a word with one wrong letter. */
const MIN_BEGINNING = 2;

/** The candidate that was probably meant, if one is close: a third of its letters may be wrong, or its end missing. */
export function closest(word: string, candidates: readonly string[]): string | undefined {
  const ranked = candidates
    .map((candidate) => ({ candidate, distance: distanceTo(candidate, word) }))
    .filter((one) => one.distance <= Math.max(1, Math.floor(one.candidate.length / 3)))
    .sort((a, b) => a.distance - b.distance);
  return ranked[0]?.candidate;
}

function distanceTo(candidate: string, word: string): number {
  const isBeginning = word.length >= MIN_BEGINNING && candidate.startsWith(word);
  return isBeginning || isSwapped(word, candidate) ? 1 : distance(word, candidate);
}

/** Two neighbouring letters have changed places, the commonest slip; to Levenshtein those are two mistakes. */
function isSwapped(word: string, candidate: string): boolean {
  const letters = Array.from(word);
  return letters.some(
    (_, at) => letters.toSpliced(at, 2, ...letters.slice(at, at + 2).reverse()).join('') === candidate,
  );
}
