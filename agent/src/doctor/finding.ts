/** What a finding is about, in the order in which a person reads them. */
export const AREAS = [
  'policy',
  'system',
  'privileges',
  'state',
  'firewall',
  'hook',
  'engine',
  'agent',
  'collector',
  'clock',
  'software',
] as const;

export type Area = (typeof AREAS)[number];

/** One thing that was looked at. What is wrong says what to do; a note is worth knowing and no fault. */
export type Finding = { readonly area: Area; readonly what: string } & (
  | { readonly grade: 'ok'; readonly todo?: undefined }
  | { readonly grade: 'note'; readonly todo?: string }
  | { readonly grade: 'wrong'; readonly todo: string }
);

/** Looks at one thing and changes nothing. */
export type Check = () => Promise<readonly Finding[]>;

/** Findings of one area. */
export function findings(area: Area) {
  return {
    ok: (what: string): Finding => ({ area, grade: 'ok', what }),
    note: (what: string, todo?: string): Finding => ({ area, grade: 'note', what, ...(todo && { todo }) }),
    wrong: (what: string, todo: string): Finding => ({ area, grade: 'wrong', what, todo }),
  };
}
