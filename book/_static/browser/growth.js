// Head circumference by gestational age: the charts of fetalseg_lib/growth.py, and the age of a head as
// fetalseg_lib/apply/gestation.py tells it. Charts differ, by almost two weeks at term: one must serve throughout.

export const Z = 1.6448536269514722; // 90 % of a normal distribution lie within so many SD
export const LEVEL = 0.9;

export const CHARTS = {
  intergrowth: {
    name: "INTERGROWTH-21st",
    firstWeek: 14,
    lastWeek: 40,
    mean: (weeks) => -28.2849 + weeks ** 2 * (1.69267 - 0.397485 * Math.log(weeks)),
    sd: (weeks) => {
      const log = Math.log(weeks);
      return 1.98735 + weeks ** 3 * (0.0136772 - 0.00726264 * log + 0.000976253 * log ** 2);
    },
  },
  hadlock: {
    name: "Hadlock 1984",
    firstWeek: 14,
    lastWeek: 42,
    mean: (weeks) => 10 * (-11.48 + 1.56 * weeks - 0.0002548 * weeks ** 3),
    sd: () => 10,
    dating: (mm) => 8.96 + 0.54 * (mm / 10) + 0.0003 * (mm / 10) ** 3,
  },
};

/** Weeks of a head of `mm`, and the ages at which it lies within the chart's central 90 %: `{ weeks, low, high }`.
 *
 * `null` outside the ages of the chart: nothing is extrapolated.
 */
export function gestationalAge(mm, chart) {
  const weeks = chart.dating ? chart.dating(mm) : ageAt(mm, chart, 0);
  if (!(weeks >= chart.firstWeek && weeks <= chart.lastWeek)) return null;
  return {
    weeks,
    low: Math.min(Math.max(ageAt(mm, chart, Z), chart.firstWeek), weeks),
    high: Math.max(Math.min(ageAt(mm, chart, -Z), chart.lastWeek), weeks),
  };
}

/** Age at which the curve `mean + z SD` reaches `mm`, by halving; infinite where it lies outside. */
function ageAt(mm, chart, z) {
  const gap = (weeks) => chart.mean(weeks) + z * chart.sd(weeks) - mm;
  let [low, high] = [chart.firstWeek, chart.lastWeek];
  if (!(gap(low) <= 0)) return -Infinity;
  if (gap(high) < 0) return Infinity;
  while (high - low > 1e-9) {
    const middle = (low + high) / 2;
    if (gap(middle) < 0) low = middle;
    else high = middle;
  }
  return (low + high) / 2;
}
