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
  let all = digits.slice(0, kept);
  if (kept < DIGITS && digits[kept] >= "5") all = String(Number(all) + 1).padStart(kept, "0");
  all = all.padEnd(kept, "0").padStart(places + 1, "0");
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

// "General" as a narrow cell shows it: as many of the digits as there is room for, which is counted
// in digits; a point takes half of one.
export function narrow(value, room = 9.5) {
  const full = general(value);
  const taken = full.replace("-", "").length - (full.includes(".") ? 0.5 : 0);
  if (taken <= room) return full;
  const positive = Math.abs(value);
  const sign = value < 0 ? "-" : "";
  const power = decimal(positive).power;
  if (power < -4 || power >= room) {
    const places = Math.max(0, Math.floor(room - 5.5));
    return (
      sign +
      scientific(positive, places)
        .replace(/(\.\d*?)0+E/, "$1E")
        .replace(".E", "E")
    );
  }
  const places = Math.max(0, Math.floor(room - 1.5 - Math.max(power, 0)));
  return (
    sign +
    fixed(positive, places)
      .replace(/(\.\d*?)0+$/, "$1")
      .replace(/\.$/, "")
  );
}

// A number in a format such as 0.000 or 0.0E+00;-0.0E+00;0 or #,##0 or 0.0% or "✗ "General.
export function formatted(value, format, room = 9.5) {
  if (format === "General") return narrow(value, room);
  const { before, after, pattern, isGeneral, isPercent, isGrouped, isPower, places, optional, isFirst } = sectionFor(
    value,
    format,
  );
  if (isGeneral) return before + narrow(isFirst ? value : Math.abs(value), room) + after;
  if (!pattern) return before;
  const size = isPercent ? Math.abs(value) * 100 : Math.abs(value);
  let shown = isPower ? scientific(size, places) : fixed(size, places);
  if (optional) shown = shown.replace(optional, "").replace(/\.$/, "");
  if (isGrouped) shown = shown.replace(/\B(?=(\d{3})+(?!\d))(?<!\.\d*)/g, ",");
  const isNegative = value < 0 && isFirst && /[1-9]/.test(shown.replace(/E.*/, ""));
  return (isNegative ? "-" : "") + before + shown + after;
}

// A text in a format: its fourth section, as in 0.0;-0.0;0;"✗ "@, says what stands around it.
export function worded(words, format) {
  const around = sectionsOf(format)[3];
  return around ? around.before + words + around.after : words;
}

const READ = new Map();

function sectionsOf(format) {
  let sections = READ.get(format);
  if (!sections) {
    sections = format.split(";").map(section);
    READ.set(format, sections);
  }
  return sections;
}

function sectionFor(value, format) {
  const sections = sectionsOf(format);
  return sections[value > 0 || !sections[1] ? 0 : value < 0 || !sections[2] ? 1 : 2];
}

// A section of a format, read once: its words and what its digits ask for.
function section(source, at) {
  const isFirst = at === 0;
  const literal = (words) => words.replace(/["\\]/g, "");
  for (const whole of ["General", "@"]) {
    const [before, after] = source.split(whole).map(literal);
    if (after !== undefined) return { before, after, isFirst, isGeneral: whole === "General" };
  }
  const [, before, pattern, after] = source.match(/^([^0#]*)([0#.,]+(?:E\+0+)?)?(.*)$/);
  if (!pattern) return { pattern, before: source, isFirst };
  const [whole, fraction = ""] = pattern.replace(/E.*/, "").split(".");
  const isPower = pattern.includes("E");
  const optional = fraction.length - fraction.replace(/#+$/, "").length;
  return {
    before: literal(before),
    after: literal(after),
    pattern,
    isFirst,
    isPower,
    isPercent: source.includes("%"),
    isGrouped: whole.includes(","),
    places: fraction.length,
    optional: optional && !isPower ? new RegExp(`0{0,${optional}}$`) : null,
  };
}
