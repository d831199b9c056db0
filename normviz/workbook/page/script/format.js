// Numbers as a sheet shows them. Halves are rounded away from zero on the fifteen digits that
// Excel knows of a number, which toFixed does not do.

const DIGITS = 15;

// The decimal digits of a positive number and the power of ten of the first: 0.0125 is "125", -2.
function decimal(value) {
  const [mantissa, exponent] = value.toExponential(DIGITS - 1).split("e");
  return { digits: mantissa.replace(".", ""), power: Number(exponent) };
}

// A positive number with so many places behind the point.
export function fixed(value, places) {
  const { digits, power } = decimal(value);
  const kept = power + 1 + places;
  if (kept < 0 || value === 0) return places ? `0.${"0".repeat(places)}` : "0";
  let whole = BigInt(digits.slice(0, kept).padEnd(kept, "0") || "0");
  if (kept < digits.length && digits[kept] >= "5") whole += 1n;
  const all = whole.toString().padStart(places + 1, "0");
  return places ? `${all.slice(0, -places)}.${all.slice(-places)}` : all;
}

// A positive number as 1.25E-03.
function scientific(value, places) {
  if (value === 0) return `${fixed(0, places)}E+00`;
  let { power } = decimal(value);
  let mantissa = fixed(Number(`${value}`.includes("e") ? value / 10 ** power : `${value}e${-power}`), places);
  if (mantissa.startsWith("10")) {
    power += 1;
    mantissa = fixed(1, places);
  }
  return `${mantissa}E${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
}

// "General": up to fifteen digits, an exponent where the number is very large or small.
export function general(value) {
  if (value === 0) return "0";
  const positive = Math.abs(value);
  const { digits, power } = decimal(positive);
  const shown = digits.replace(/0+$/, "");
  const sign = value < 0 ? "-" : "";
  if (power < -9 || power >= 20) {
    const mantissa = shown.length > 1 ? `${shown[0]}.${shown.slice(1)}` : shown;
    return `${sign}${mantissa}E${power < 0 ? "-" : "+"}${String(Math.abs(power)).padStart(2, "0")}`;
  }
  if (power < 0) return `${sign}0.${"0".repeat(-power - 1)}${shown}`;
  const whole = shown.slice(0, power + 1).padEnd(power + 1, "0");
  const rest = shown.slice(power + 1);
  return sign + (rest ? `${whole}.${rest}` : whole);
}

// "General" as a narrow cell shows it: as many of the digits as there is room for.
export function narrow(value, room = 9) {
  const full = general(value);
  if (full.replace("-", "").length <= room) return full;
  const positive = Math.abs(value);
  const sign = value < 0 ? "-" : "";
  const power = decimal(positive).power;
  if (power < -4 || power >= room) {
    return sign + scientific(positive, room - 7).replace(/\.?0+E/, "E");
  }
  const places = Math.max(0, room - 2 - Math.max(power, 0));
  return (
    sign +
    fixed(positive, places)
      .replace(/(\.\d*?)0+$/, "$1")
      .replace(/\.$/, "")
  );
}

// A number in a format such as 0.000;-0.000;0 or 0.0E+00 or #,##0 or 0.0%.
export function formatted(value, format, room = 9) {
  if (format === "General") return narrow(value, room);
  const sections = format.split(";");
  const section = sections[value > 0 || !sections[1] ? 0 : value < 0 || !sections[2] ? 1 : 2];
  const isSigned = value < 0 && section === sections[0];
  const [, before, pattern, after] = section.match(/^([^0#]*)([0#.,]+(?:E\+0+)?)?(.*)$/);
  if (!pattern) return section;
  const percent = section.includes("%");
  const size = percent ? Math.abs(value) * 100 : Math.abs(value);
  const [whole, fraction = ""] = pattern.replace(/E.*/, "").split(".");
  let shown = pattern.includes("E") ? scientific(size, fraction.length) : fixed(size, fraction.length);
  const optional = fraction.length - fraction.replace(/#+$/, "").length;
  if (optional && !pattern.includes("E")) {
    shown = shown.replace(new RegExp(`0{0,${optional}}$`), "").replace(/\.$/, "");
  }
  if (whole.includes(",")) shown = shown.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ",");
  const literal = (words) => words.replace(/["\\]/g, "");
  const isZero = !/[1-9]/.test(shown.replace(/E.*/, ""));
  return (isSigned && !isZero ? "-" : "") + literal(before) + shown + literal(after);
}
