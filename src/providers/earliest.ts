/**
 * The earliest whole second after `refused` that is accepted, found by bisection up to `accepted`, which must be known
 * to be accepted.
 */
export async function earliest(
  refused: number,
  accepted: number,
  isAccepted: (second: number) => Promise<boolean>,
): Promise<number> {
  let [low, high] = [refused, accepted];
  while (high - low > 1) {
    const middle = Math.floor((low + high) / 2);
    if (await isAccepted(middle)) high = middle;
    else low = middle;
  }
  return high;
}
