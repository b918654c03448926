/**
 * The earliest of the whole seconds from `refused` to `accepted` that is accepted, by halving what is between; as
 * `accepted` is not asked for, it must be known to be.
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
