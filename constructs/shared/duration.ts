/**
 * A time span with its unit, such as `500ms`, `5m` or `168h`. Bare numbers are refused: distribution reads them as
 * nanoseconds, which nobody means.
 */
export type Duration = `${number}${'ms' | 's' | 'm' | 'h'}`;
