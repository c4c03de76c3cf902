/** A label and what is said under it, one paragraph a line. */
export type Row = { label: string; lines: string[] };

/** One thing told in detail. `calm` asks nothing of the reader; `look` asks for a person's eye. */
export type Card = { title: string; badge: string; tone: 'calm' | 'look'; rows: Row[] };

export type Section = { title: string; cards: Card[]; lines: string[] };

/**
 * A mail's content before it is text or HTML. Every string in it is one line free of controls: foreign text has gone
 * through {@link ../digest/foreign.ts}; nothing is escaped yet.
 */
export type Letter = {
  subject: string;
  heading: string;
  dateline: string;
  /** What the reader must know before all else, such as that the mail is late. */
  notices: string[];
  summary: Row[];
  sections: Section[];
  footer: string[];
};
