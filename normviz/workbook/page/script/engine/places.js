// Addresses: a sheet's rows and columns as letters and numbers, counted from 1.

export function letters(column) {
  let found = "";
  for (let rest = column; rest > 0; rest = Math.floor((rest - 1) / 26)) {
    found = String.fromCharCode(65 + ((rest - 1) % 26)) + found;
  }
  return found;
}

// Row and column of an address such as B3 or $B$3, or null.
export function rowAndColumn(address) {
  const match = /^\$?([A-Z]{1,3})\$?(\d{1,7})$/i.exec(address);
  if (!match) return null;
  let column = 0;
  for (const letter of match[1].toUpperCase()) column = column * 26 + letter.charCodeAt(0) - 64;
  return [Number(match[2]), column];
}

// The number of a cell given by its address on a sheet, or -1 outside of it.
export function place(sheet, address) {
  const found = rowAndColumn(address);
  if (!found || found[0] < 1 || found[0] > sheet.rows || found[1] > sheet.columns) return -1;
  return sheet.base + (found[0] - 1) * sheet.columns + found[1] - 1;
}

export function rowOf(sheet, at) {
  return Math.floor((at - sheet.base) / sheet.columns) + 1;
}

export function columnOf(sheet, at) {
  return ((at - sheet.base) % sheet.columns) + 1;
}
