import { describe, expect, it } from 'vitest';
import { decodeIp } from './ip.ts';
import { bytes, concat } from './testing/bytes.ts';

const ADDRESSES6 = '20010db8 00000000 00000000 00000007 20010db8 00010000 00000000 00000010';

/** An IPv6 packet whose payload is as long as it says, unless told otherwise. */
function ip6(next: string, payload: string, length?: string): Uint8Array {
  const data = bytes(payload);
  const size = length ?? data.length.toString(16).padStart(4, '0');
  return concat(bytes(`60000000 ${size} ${next} 40 ${ADDRESSES6}`), data);
}

describe('decodeIp', () => {
  it('steps over the options of IPv4, and ends where the packet says, not the frame', () => {
    // Router alert; a header of 24 bytes, a payload of 8, and 4 bytes of padding behind.
    const packet = bytes(
      '4600 0020 0000 0000 4011 0000 c6336407 cb00710a 94040000 9c40 00a1 0008 0000 55555555',
    );
    expect(decodeIp(packet)).toMatchObject({ protocol: 17, start: 24, end: 32, total: 32 });
  });

  it('tells what the capture cut', () => {
    const packet = bytes('4500 05dc 0000 0000 4006 0000 c6336407 cb00710a 9c40 0017');
    expect(decodeIp(packet)).toMatchObject({ start: 20, end: 24, total: 1_500 });
  });

  it('refuses IPv4 headers that are cut, shorter than a header, or longer than their packet', () => {
    const head = '0000 0000 4006 0000 c6336407 cb00710a';
    expect(decodeIp(bytes(`4500 0028 ${head}`).subarray(0, 19))).toBeUndefined();
    expect(decodeIp(bytes(`4400 0028 ${head}`))).toBeUndefined();
    expect(decodeIp(bytes(`4600 0016 ${head} 00000000`))).toBeUndefined();
    expect(decodeIp(bytes(`4500 0000 ${head}`))).toBeUndefined();
  });

  it.each([
    ['good', '148b'],
    ['bad', '148c'],
    ['unknown', '0000'],
  ])('finds the checksum of an IPv4 header %s', (checksum, field) => {
    const packet = bytes(`4500 0028 0000 0000 4006 ${field} c6336407 cb00710a`);
    expect(decodeIp(packet)).toMatchObject({ checksum });
  });

  it('walks a chain of extension headers to the protocol behind it', () => {
    const [options, routing] = ['2b00 0104 00000000', '3300 0000 00000000'];
    const authentication = '0604 0000 00000001 00000001 000000000000000000000000';
    const packet = ip6('00', `${options} ${routing} ${authentication} 9c40 0017`);
    expect(decodeIp(packet)).toMatchObject({ protocol: 6, start: 40 + 8 + 8 + 24 });
  });

  it('refuses a chain that is too long or cut, and one that goes past its packet', () => {
    expect(decodeIp(ip6('3c', `${'3c00 0104 00000000'.repeat(7)} 0600 0104 00000000`))).toBeDefined();
    expect(decodeIp(ip6('3c', `${'3c00 0104 00000000'.repeat(8)} 0600 0104 00000000`))).toBeUndefined();
    expect(decodeIp(ip6('3c', '0600'))).toBeUndefined();
    expect(decodeIp(ip6('3c', '06ff 0104 00000000'))).toBeUndefined();
  });

  it('refuses jumbograms, and takes an empty payload of another protocol', () => {
    expect(decodeIp(ip6('00', '3b00 c204 00010000', '0000'))).toBeUndefined();
    expect(decodeIp(ip6('2f', '', '0000'))).toMatchObject({ protocol: 47, start: 40, end: 40 });
  });
});
