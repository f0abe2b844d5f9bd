// One label at a time: the rule of threshold.Labelling, so that it also goes on where there is no Python. What can be computed
// once comes from Python (panels/pair.py, `plan`): order, lines, what each needs, what its bet must reach. Tested against it.

/** @typedef {{drawn: ArrayLike<number>, sizes: number[], needed: number[], start: number, goals: number[][], bets: number[], risk: number,
 * target: number, prior: number}} Plan places (ranks in the pool, best first) in the order of asking; matches that each line keeps, and
 * how many must be right; the first line tried; what each line's bet must reach before and after all stricter ones are shown;
 * lines that `bounds` bets on, and what each must reach; the wanted precision; Beta(prior, 1) */

/** Sums ln(first) + ln(first + 1) + …, of 0, 1, 2, … terms; compensated, so that a long one is as exact as a short one.
 * @param {number} first @param {number} n */
function logSums(first, n) {
  const out = new Float64Array(n + 1);
  for (let k = 0, sum = 0, lost = 0; k < n; k++) {
    const y = Math.log(first + k) - lost, t = sum + y;
    lost = t - sum - y;
    out[k + 1] = sum = t;
  }
  return out;
}

export class Walk {
  /** @param {Plan} plan @param {[number, boolean | null][]} answers given before: place, and whether it is right */
  constructor(plan, answers = []) {
    const n = plan.drawn.length;
    this.plan = plan;
    this.label = new Int8Array(n).fill(-1); // of each place: 1 right, 0 wrong, -1 not known
    this.wrong = /** @type {number[]} */ ([]); // places
    /** @type {[number, boolean | null][]} */ this.answers = [];
    /** @type {[number, number][]} */ this.shown = [[0, plan.start]]; // after each answer: the next line to show, from the strictest and from the start on
    this.factorial = logSums(1, n);
    this.rising = logSums(plan.prior, n);
    this.risingNext = logSums(plan.prior + 1, n);
    for (const [, right] of answers) this.answer(right);
  }

  /** A line's own labels, in the order of asking, as counts of right ones: `right[k]` of the first k; and its next candidate, or -1.
   * @param {number} m how many matches it keeps */
  walk(m) {
    const { drawn } = this.plan, right = [0];
    for (let t = 0, left = m, s = 0; t < drawn.length && left; t++) {
      const at = drawn[t];
      if (at >= m) continue;
      if (this.label[at] < 0) return { right, next: at };
      right.push((s += this.label[at]));
      left--;
    }
    return { right, next: -1 };
  }

  /** How strongly s right labels among n, drawn from m, speak against "k of the m are right": threshold/_walk.py. */
  evidence(k, m, n, s) {
    if (s * m <= k * n) return -Infinity;
    if (s > k) return Infinity;
    const f = this.factorial, wrong = n - s;
    return this.rising[s] + f[wrong] - this.risingNext[n] - (f[k] - f[k - s] + f[m - k] - f[m - k - wrong] - f[m] + f[m - n]);
  }

  /** Whether there is such a line and it can still hold. @param {number} line */
  can(line) {
    const m = this.plan.sizes[line];
    return m > 0 && m - this.wrong.filter((at) => at < m).length >= this.plan.needed[line];
  }

  /** The line to ask for, or -1: from the start on, or from the strictest on if the labels speak against the start. */
  line() {
    const { start, sizes, target } = this.plan, [strict, loose] = this.shown[this.shown.length - 1];
    if (strict < loose && loose === start && this.can(strict)) {
      const { right } = this.walk(sizes[loose]), n = right.length - 1;
      if (right[n] + 1 < target * n || !this.can(loose)) return strict;
    }
    return this.can(loose) ? loose : -1;
  }

  /** The place that is asked for, or -1 where nothing more can be gained. */
  get next() {
    const line = this.line();
    return line < 0 ? -1 : this.walk(this.plan.sizes[line]).next;
  }

  /** @param {number} line @param {number} strict */
  goal(line, strict) { return this.plan.goals[strict < this.plan.start ? 0 : 1][line]; }

  /** Whether a line's labels have ever refuted that fewer than the target share are right. */
  shows(line, strict) {
    const m = this.plan.sizes[line], { right } = this.walk(m), goal = this.goal(line, strict);
    return right.some((s, n) => this.evidence(this.plan.needed[line] - 1, m, n, s) >= goal);
  }

  /** @param {boolean | null} right null: cannot tell, which counts as wrong */
  answer(right) {
    const at = this.next;
    if (at < 0) return;
    this.answers.push([at, right]);
    this.label[at] = right ? 1 : 0;
    if (!right) this.wrong.push(at);
    let [strict, loose] = this.shown[this.shown.length - 1];
    while (strict < this.plan.start && this.shows(strict, strict)) strict++;
    while (loose < this.plan.sizes.length && this.shows(loose, strict)) loose++;
    this.shown.push([strict, loose]);
  }

  /** Take the last answer back. */
  undo() {
    const last = this.answers.pop();
    if (!last) return;
    this.shown.pop();
    this.label[last[0]] = -1;
    if (!last[1]) this.wrong.pop();
  }

  /** How many matches were kept after each number of answers. */
  get history() {
    const { start, sizes } = this.plan;
    return this.shown.map(([strict, loose]) => { const line = loose > start ? loose : strict; return line ? sizes[line - 1] : 0; });
  }

  get kept() { return this.history[this.answers.length]; }

  /** What more labels would buy: about so many answers, for so many matches kept; or null. Labelling.next_line imagines many
   * continuations; here it is the one whose share of right ones lies in their middle, so it says about the same. */
  get nextLine() {
    const { start, sizes } = this.plan, line = this.line();
    if (line < 0) return null;
    const end = line < start ? start : sizes.length, wanted = sizes.findIndex((m) => m >= 1.25 * this.kept);
    const goal = Math.min(Math.max(wanted < 0 ? sizes.length : wanted, line), end - 1), answers = Math.max(this._more(line), this._more(goal));
    return answers === Infinity ? null : { answers, kept: sizes[goal] };
  }

  /** How many more answers a line takes, if the labels to come are like those of its worse half. */
  _more(line) {
    const { drawn, sizes, needed } = this.plan, m = sizes[line], goal = this.goal(line, this.shown[this.shown.length - 1][0]);
    const known = this.label.subarray(Math.floor(m / 2), m), right = known.filter((x) => x > 0).length, wrong = known.filter((x) => x === 0).length;
    const share = wrong ? (right + 2 / 3) / (right + wrong + 1 / 3) : 1; // the middle of Beta(right + 1, wrong)
    for (let t = 0, n = 0, sure = 0, open = 0; n < m; t++) {
      const at = drawn[t];
      if (at >= m) continue;
      if (this.label[at] < 0) open++; else sure += this.label[at];
      if (this.evidence(needed[line] - 1, m, ++n, sure + Math.round(share * open)) >= goal) return open;
    }
    return Infinity;
  }

  /** Lower bounds of the number of right ones among the m best, for m = 1, 2, …: they hold all at once, and at every moment. */
  bounds() {
    const { bets, risk } = this.plan, n = this.label.length, out = new Int32Array(n);
    for (let m = 0, seen = 0; m < n; m++) out[m] = seen += this.label[m] > 0 ? 1 : 0;
    for (const m of bets) {
      const { right } = this.walk(m);
      for (let k = 1; k < right.length; k++) // a line's bound is best where its next label is wrong, or at its end
        if (k + 1 === right.length || right[k + 1] === right[k]) out[m - 1] = Math.max(out[m - 1], this._atLeast(m, k, right[k], risk));
    }
    for (let m = 1; m < n; m++) out[m] = Math.max(out[m], out[m - 1]); // a looser line has no fewer right ones
    for (let m = n - 1; m > 0; m--) out[m - 1] = Math.max(out[m - 1], out[m] - 1); // and a stricter one no more wrong ones
    for (let m = 0, wrong = 0; m < n; m++) out[m] = Math.min(out[m], m + 1 - (wrong += this.label[m] === 0 ? 1 : 0)); // not against what is seen
    return out;
  }

  /** The least number of right ones among m that is not refuted. */
  _atLeast(m, n, s, goal) {
    let low = s, high = Math.ceil((s * m) / n);
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.evidence(middle, m, n, s) >= goal) low = middle + 1; else high = middle;
    }
    return low;
  }
}
