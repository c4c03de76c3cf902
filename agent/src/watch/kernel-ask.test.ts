import { expect, test } from 'vitest';
import { readElement } from './kernel-ask.ts';

/** As nft 1.0.6 prints it. */
const TEXT = `table inet picket {
	set muted4 {
		type ipv4_addr
		size 65536
		flags dynamic,timeout
		counter
		elements = { 203.0.113.201 counter packets 2 bytes 80 timeout 1h expires 59m59s956ms }
	}
}
`;

test('what an element refused, and when it ends, is read from the text of nft', () => {
  expect(readElement(TEXT)).toEqual({ leftMs: 59 * 60_000 + 59_956, packets: 2 });
  expect(readElement(TEXT.replace('59m59s956ms', '30d23h8s'))).toMatchObject({ leftMs: 2_674_808_000 });
});

test('an element without an end or a counter has neither', () => {
  expect(readElement(TEXT.replace(/ counter packets.* }/, ' }'))).toEqual({ leftMs: undefined, packets: 0 });
});
