/** Told what the build does next, for someone who watches. */
export type Progress = (line: string) => void;
