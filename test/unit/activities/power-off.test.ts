import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { saysInstalled, tailOf } from '../../../src/activities/power-off.js';

describe('the tail of a console', () => {
  it('is text without control sequences, empty lines and endless lines', () => {
    const console = '\x1b[2J\x1b[1;31mred\x1b[0m\r\n\n\x07bell\n' + 'x'.repeat(500);
    assert.equal(tailOf(console), `red\nbell\n${'x'.repeat(200)}`);
  });

  it('is its last lines', () => {
    assert.equal(tailOf('1\n2\n3\n4', 2), '3\n4');
  });
});

describe('the tail of a Debian installer’s console', () => {
  it('leaves out the status line that screen keeps redrawing', () => {
    const bar = '\x1b[H\x1b[7m[           (1*installer)  2 shell  3 shell  4- log           ][ Nov 23  1:18 ]';
    assert.equal(
      tailOf(`Detecting network hardware  ... 2%${bar}\n${bar}\nConfiguring the network\n`),
      'Detecting network hardware  ... 2%\nConfiguring the network',
    );
  });
});

describe('a console', () => {
  it('says that the system is installed when the stock script’s last line has written so', () => {
    assert(saysInstalled('Running late command\r\n\x1b[0mIMAGEFACTORY-INSTALLED\r\n[  61.3] reboot: Power down\n'));
  });

  it('does not where the line is only quoted', () => {
    const quoted = 'start: subiquity/Late/run/command_2: echo IMAGEFACTORY-INSTALLED >/dev/console\n';
    assert(!saysInstalled(quoted));
    assert(!saysInstalled(''));
  });
});
