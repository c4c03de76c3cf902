import type { SpoolDisk } from './disk.ts';

interface File {
  bytes: Buffer;
  /** What a power cut leaves for sure. */
  durableBytes: number;
}

/** Thrown by a disk whose machine lost power: nothing works from then on. */
export class PowerCut extends Error {}

/** Files in memory with a disk's ways of failing. Lives on across restarts of the spool under test. */
export class FakeDisk implements SpoolDisk {
  readonly files = new Map<string, File>();
  /** Bytes that can still be written before the power goes, in the middle of a write. */
  powerForBytes = Number.POSITIVE_INFINITY;
  /** While set, appends write this many bytes and then throw `ENOSPC`. */
  roomBytes: number | undefined;
  /** Files that cannot be read (`EIO`). */
  readonly unreadable = new Set<string>();
  /** While set, the folder itself cannot be read (`EIO`). */
  isGone = false;
  /** While set, nothing can be changed (`EROFS`). */
  isReadOnly = false;
  #isDown = false;

  async list(): Promise<string[]> {
    this.#check();
    if (this.isGone) throw Object.assign(new Error('input/output error'), { code: 'EIO' });
    return [...this.files.keys()];
  }

  async read(name: string): Promise<Buffer> {
    this.#check();
    if (this.unreadable.has(name)) throw Object.assign(new Error('input/output error'), { code: 'EIO' });
    return Buffer.from(this.#file(name).bytes);
  }

  async readPart(name: string, offset: number, length: number): Promise<Buffer> {
    return (await this.read(name)).subarray(offset, offset + length);
  }

  async append(name: string, bytes: Buffer, durable: boolean): Promise<void> {
    this.#checkChange();
    const file = this.files.get(name) ?? { bytes: Buffer.alloc(0), durableBytes: 0 };
    this.files.set(name, file);
    const written = Math.min(bytes.length, this.powerForBytes, this.roomBytes ?? bytes.length);
    file.bytes = Buffer.concat([file.bytes, bytes.subarray(0, written)]);
    this.powerForBytes -= written;
    if (this.powerForBytes <= 0) {
      this.#isDown = true;
      throw new PowerCut();
    }
    if (this.roomBytes !== undefined && written < bytes.length) {
      this.roomBytes -= written;
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    }
    if (durable) file.durableBytes = file.bytes.length;
  }

  async replace(name: string, text: string): Promise<void> {
    this.#checkChange();
    const bytes = Buffer.from(text);
    if (bytes.length > (this.roomBytes ?? bytes.length))
      throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
    this.powerForBytes -= bytes.length;
    if (this.powerForBytes <= 0) {
      this.#isDown = true;
      throw new PowerCut();
    }
    this.files.set(name, { bytes, durableBytes: bytes.length });
  }

  async truncate(name: string, sizeBytes: number): Promise<void> {
    this.#checkChange();
    const file = this.#file(name);
    file.bytes = file.bytes.subarray(0, sizeBytes);
    file.durableBytes = Math.min(file.durableBytes, sizeBytes);
  }

  async remove(name: string): Promise<void> {
    this.#checkChange();
    this.files.delete(name);
  }

  /** Power is back; of what was not made durable a part is there, as `keep` (0 to 1) says. */
  restart(keep: number): void {
    this.#isDown = false;
    this.powerForBytes = Number.POSITIVE_INFINITY;
    for (const file of this.files.values()) {
      const extra = file.bytes.length - file.durableBytes;
      file.bytes = file.bytes.subarray(0, file.durableBytes + Math.floor(extra * keep));
      file.durableBytes = file.bytes.length;
    }
  }

  totalBytes(): number {
    return [...this.files.values()].reduce((sum, file) => sum + file.bytes.length, 0);
  }

  #file(name: string): File {
    const file = this.files.get(name);
    if (file === undefined) throw Object.assign(new Error(`no file ${name}`), { code: 'ENOENT' });
    return file;
  }

  #check(): void {
    if (this.#isDown) throw new PowerCut();
  }

  #checkChange(): void {
    this.#check();
    if (this.isReadOnly) throw Object.assign(new Error('read-only file system'), { code: 'EROFS' });
  }
}
