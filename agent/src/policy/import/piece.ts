import type { Remark, Setting } from './lines.ts';
import type { WatchMode } from './mode.ts';

/** One line of picket.toml. `value` is TOML already; `why` becomes the comments above it. */
export interface PolicyLine {
  readonly section:
    | ''
    | 'watch'
    | 'connect'
    | 'capture'
    | 'threshold'
    | 'block'
    | 'hosts_deny'
    | 'command'
    | 'allow';
  readonly key: string;
  readonly value: string;
  readonly why: readonly string[];
}

/** A part of the translation: lines, and what there is to say. */
export interface Piece {
  readonly lines: readonly PolicyLine[];
  readonly remarks: readonly Remark[];
}

/** What every translator sees: the settings that count, and how PortSentry watched. */
export interface Context {
  readonly find: (key: string) => Setting | undefined;
  readonly modes: Readonly<Record<'tcp' | 'udp', { readonly mode: WatchMode; readonly because: string }>>;
}

/** Several pieces as one. */
export function join(...pieces: readonly Piece[]): Piece {
  return { lines: pieces.flatMap(({ lines }) => lines), remarks: pieces.flatMap(({ remarks }) => remarks) };
}
