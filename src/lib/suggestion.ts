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
  const isBeginning = word.length >= MIN_BEGINNING && candidate.startsWith(word);
  return isBeginning || isSwapped(word, candidate) ? 1 : editDistance(word, candidate);
}

/** Two neighbouring letters have changed places: the commonest slip. */
function isSwapped(word: string, candidate: string): boolean {
  const letters = Array.from(word);
  return letters.some(
    (_, at) => letters.toSpliced(at, 2, ...letters.slice(at, at + 2).reverse()).join('') === candidate,
  );
}

/** Insertions, deletions and replacements that make one word of the other (Levenshtein). */
function editDistance(word: string, candidate: string): number {
  let distances = Array.from({ length: candidate.length + 1 }, (_, index) => index);
  let last = candidate.length;
  for (const [index, letter] of Array.from(word).entries()) {
    let diagonal = index;
    distances = distances.map((above, column) => {
      const replaced = diagonal + (letter === candidate.charAt(column - 1) ? 0 : 1);
      diagonal = above;
      return (last = column === 0 ? index + 1 : Math.min(replaced, above + 1, last + 1));
    });
  }
  return last;
}
