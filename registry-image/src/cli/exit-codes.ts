/** How the commands end. 78 is EX_CONFIG of sysexits.h: a service manager need not try again until the file has changed. */
export const EXIT = {
  ok: 0,
  failed: 1,
  usage: 2,
  configuration: 78,
} as const;
