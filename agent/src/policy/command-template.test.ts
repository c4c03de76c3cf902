import { TECHNIQUES, TRANSPORTS } from '@picket/protocol';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { fillTemplate, TOKENS, type TokenValues, templateFault } from './command-template.ts';

const VALUES: TokenValues = {
  address: '2001:db8:66::7',
  source: '2001:db8:66::/64',
  port: '23',
  transport: 'tcp',
  technique: 'syn',
  mode: 'atcp',
  until: '2026-11-24T13:00:00Z',
};

describe('fillTemplate', () => {
  it.each([
    ['{address}', '2001:db8:66::7'],
    ['--from={source}:{port}', '--from=2001:db8:66::/64:23'],
    ['{transport} {technique} {mode} {until}', 'tcp syn atcp 2026-11-24T13:00:00Z'],
    ['{{port}} is {port}', '{port} is 23'],
    ['{"ip": "{address}", "n": {}}', '{"ip": "2001:db8:66::7", "n": {}}'],
    // biome-ignore lint/suspicious/noTemplateCurlyInString: a shell's variable is meant
    ['echo ${HOME} {a,b} $1', 'echo ${HOME} {a,b} $1'],
  ])('makes %j to %j', (text, filled) => {
    expect(templateFault(text)).toBeUndefined();
    expect(fillTemplate(text, VALUES)).toBe(filled);
  });

  it('takes no value that could mean anything to a shell, whatever it is', () => {
    const hostile = fc
      .tuple(fc.string(), fc.constantFrom(...' \n\t\0;&|<>()$`"\'\\*?[]#~=%!{},+@^'), fc.string())
      .map((parts) => parts.join(''));
    fc.assert(
      fc.property(hostile, fc.constantFrom(...TOKENS), (value, token) => {
        expect(() => fillTemplate(`x {${token}}`, { ...VALUES, [token]: value })).toThrow(TypeError);
      }),
    );
    expect(() => fillTemplate('{address}', { ...VALUES, address: '-rf' })).toThrow(TypeError);
    expect(() => fillTemplate('{address}', { ...VALUES, address: '' })).toThrow(TypeError);
  });

  it('takes each value that a block can have', () => {
    const address = fc.oneof(
      fc.ipV4(),
      fc.ipV6().filter((one) => !one.includes('.')),
    );
    fc.assert(
      fc.property(
        address,
        fc.constantFrom(...TECHNIQUES),
        fc.constantFrom(...TRANSPORTS),
        (ip, technique, transport) => {
          const values = { ...VALUES, address: ip, source: `${ip}/64`, technique, transport };
          expect(fillTemplate('{address} {source} {technique} {transport}', values)).toBe(
            `${ip} ${ip}/64 ${technique} ${transport}`,
          );
        },
      ),
    );
  });
});

describe('templateFault', () => {
  it.each([
    [
      '{host}',
      'without "{host}"; allowed are {address}, {source}, {port}, {transport}, {technique}, {mode}, {until}',
    ],
    ['$' + '{port}', '"{port}" without the "$"'],
  ])('refuses %j', (text, fault) => {
    expect(templateFault(text)).toBe(fault);
  });
});
