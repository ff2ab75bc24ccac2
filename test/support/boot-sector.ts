/** Machine code for a BIOS: writes the text that follows to the first serial port, and halts. */
const CODE = Buffer.from(
  '31c0' + // xor ax, ax
    '8ed8' + // mov ds, ax
    'fc' + // cld
    'be237c' + // mov si, 0x7c23: the text
    'ac' + // next: lodsb
    '84c0' + // test al, al
    '7413' + // jz halt
    '88c4' + // mov ah, al
    'bafd03' + // mov dx, 0x3fd
    'ec' + // wait: in al, dx
    'a820' + // test al, 0x20: the port takes a byte
    '74fb' + // jz wait
    'baf803' + // mov dx, 0x3f8
    '88e0' + // mov al, ah
    'ee' + // out dx, al
    'ebe9' + // jmp next
    '90' + // nop
    'f4' + // halt: hlt
    'ebfd', // jmp halt
  'hex',
);

/** Makes the first sector of a disk that says a text on the serial console when it is booted. */
export function makeBootSector(text: string): Buffer {
  const sector = Buffer.alloc(512);
  CODE.copy(sector);
  // The partition table begins at 446.
  if (sector.write(text, CODE.length) !== text.length || CODE.length + text.length >= 446) {
    throw new RangeError(`${text} does not fit into a boot sector`);
  }
  sector.writeUInt16LE(0xaa55, 510);
  return sector;
}
