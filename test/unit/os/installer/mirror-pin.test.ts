import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { pinUrls, findMirrorPin, withPin } from '../../../../src/os/installer/mirror-pin.js';
import { findProfile } from '../../../../src/os/registry.js';
import { templateOf } from '../templates.js';

const ASKED = 'http://download.example.org/pub/fedora/linux/releases/43/Everything/x86_64/os/.treeinfo';
const ANSWERED = 'https://mirror.example.net/fedora/linux/releases/43/Everything/x86_64/os/.treeinfo';

describe('the mirror to which a redirector has redirected', () => {
  it('is found by the end of the path that both addresses have', () => {
    assert.deepEqual(findMirrorPin(ASKED, ANSWERED), {
      from: 'http://download.example.org/pub/',
      to: 'https://mirror.example.net/',
    });
  });

  it('replaces the redirector also in the installer’s command line', () => {
    const url = ASKED.replace('/.treeinfo', '');
    const template = templateOf('Fedora', '43', { install: { type: 'url', url, extras: [] } });
    const plan = withPin(findProfile(template).profile.planInstaller(template), findMirrorPin(ASKED, ANSWERED));
    assert.match(plan.commandLine, / inst\.repo=https:\/\/mirror\.example\.net\/fedora\/linux\/releases\/43\/Everything\/x86_64\/os /); // prettier-ignore
  });

  it('is tried first, and then the redirector, because the mirror may lack files', () => {
    const kernel = ASKED.replace('.treeinfo', 'images/pxeboot/vmlinuz');
    assert.deepEqual(pinUrls([kernel, 'http://other.example.org/vmlinuz'], findMirrorPin(ASKED, ANSWERED)), [
      ANSWERED.replace('.treeinfo', 'images/pxeboot/vmlinuz'),
      kernel,
      'http://other.example.org/vmlinuz',
    ]);
  });

  it('is undefined without a redirect, and for addresses that are signed, have a password or differ in the file name', () => {
    assert.equal(findMirrorPin(ASKED, ASKED), undefined);
    assert.equal(findMirrorPin(ASKED, `${ANSWERED}?Signature=abc`), undefined);
    assert.equal(findMirrorPin('http://u:p@a.example.org/x/y', 'http://b.example.org/z/y'), undefined);
    assert.equal(findMirrorPin('http://a.example.org/x/f', 'http://a.example.org/x/f-2'), undefined);
  });
});
