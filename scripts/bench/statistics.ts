/** The value in the middle; of an even count the mean of the two. @throws RangeError without values */
export function median(values: readonly number[]): number {
  if (values.length === 0) throw new RangeError('there is no median of no values');
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length / 2;
  const upper = sorted[Math.floor(middle)] as number;
  return Number.isInteger(middle) ? ((sorted[middle - 1] as number) + upper) / 2 : upper;
}

/** How many times better `ours` is: above 1 is good, whether more or less of the unit is better. */
export function ratio(ours: number, theirs: number, better: 'more' | 'less'): number {
  return better === 'more' ? ours / theirs : theirs / ours;
}

/** Three digits that count: 0.123, 1.23, 12.3, 123, 1234. */
export function threeDigits(value: number): number {
  if (!Number.isFinite(value) || value === 0) return value;
  const digits = 2 - Math.floor(Math.log10(Math.abs(value)));
  return digits <= 0 ? Math.round(value) : Number(value.toFixed(digits));
}
