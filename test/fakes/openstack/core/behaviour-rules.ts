interface Limited {
  /** Number of times that the rule applies. Default Infinity. */
  times?: number;
}

interface ActiveRule<Rule> {
  rule: Rule;
  left: number;
}

/** The rules with which tests set the behaviour of resources. */
export class BehaviourRules<Rule extends Limited, Subject> {
  private rules: ActiveRule<Rule>[] = [];

  /** @param matches checks whether a rule is for a resource */
  constructor(private readonly matches: (rule: Rule, subject: Subject) => boolean) {}

  /** Adds a rule. A newer rule takes precedence over older rules. @returns a function that removes the rule */
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

  /** Finds the newest rule that sets `trait` for a resource, and counts this use as one of the rule's `times`. */
  take(subject: Subject, trait: keyof Rule): Rule | undefined {
    for (const entry of this.rules) {
      if (entry.rule[trait] === undefined || entry.left <= 0 || !this.matches(entry.rule, subject)) continue;
      entry.left--;
      return entry.rule;
    }
    return undefined;
  }
}
