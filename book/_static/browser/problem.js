/** Something that the reader can mend: what is wrong, and what to do. */
export class Problem extends Error {
  constructor(problem, mend) {
    super(`${problem}. ${mend}`);
    this.name = "Problem";
  }
}
