interface Limited {
  /** How often the rule applies. Default Infinity. */
  times?: number;
}

interface ActiveRule<Rule> {
  rule: Rule;
  left: number;
}

/** The rules with which tests set the behaviour of resources that will be created. */
export class BehaviourRules<Rule extends Limited, Subject> {
  private rules: ActiveRule<Rule>[] = [];

  /** @param matches whether a rule is for this one */
  constructor(private readonly matches: (rule: Rule, subject: Subject) => boolean) {}

  /** Adds a rule; later rules win over earlier ones. @returns a function that removes it */
  add(rule: Rule): () => void {
    const entry = { rule, left: rule.times ?? Infinity };
    this.rules.unshift(entry);
    return () => {
      this.rules = this.rules.filter((other) => other !== entry);
    };
  }

  clear(): void {
    this.rules = [];
  }

  /** Takes the rule that sets this trait for the resource: it counts as one of the rule's `times`. */
  take(subject: Subject, trait: keyof Rule): Rule | undefined {
    for (const entry of this.rules) {
      if (entry.rule[trait] === undefined || entry.left <= 0 || !this.matches(entry.rule, subject)) continue;
      entry.left--;
      return entry.rule;
    }
    return undefined;
  }
}
