import { html } from "@remix-run/html-template";
import { named } from "../../../platform/html/text.ts";
import { deLabels } from "./de-labels.ts";
import { deWave } from "./de-wave.ts";
import type { Words } from "./en.ts";

/** Written so that it can be read in Switzerland too: without the letter ß. */
export const de: Words = {
  labels: deLabels,
  statements: {
    "Simulated on the prices and rates supplied; actual executions will differ, and investments may lose value.":
      "Berechnet mit den übergebenen Kursen; tatsächliche Ausführungen werden abweichen, und Anlagen können an Wert verlieren.",
    "Fees, commissions and spreads are not modelled.":
      "Gebühren, Kommissionen und Geld-Brief-Spannen sind nicht berücksichtigt.",
    "Market impact, slippage and partial fills are not modelled.":
      "Einfluss auf den Markt, Kursabweichungen und Teilausführungen sind nicht berücksichtigt.",
    "Taxes on gains and on trades are not modelled.":
      "Steuern auf Gewinne und auf Aufträge sind nicht berücksichtigt.",
  },
  findings: {
    SUIT_SINGLE_POSITION_MAX: ({ subject, measured, limit }) =>
      html`${named(subject)} macht ${measured} des Portfolios aus; erlaubt sind ${limit} für eine Position.`,
    SUIT_ISSUER_MAX: ({ subject, measured, limit }) =>
      html`Der Emittent ${named(subject)} macht ${measured} des Portfolios aus; erlaubt sind ${limit} für
      einen Emittenten.`,
    SUIT_LIQUIDITY_MAX: ({ subject, measured, limit }) =>
      html`Die Liquiditätsstufe ${named(subject)} macht ${measured} des Portfolios aus; erlaubt sind ${limit}.`,
    SUIT_CASH_BAND: ({ measured, least, most }) =>
      html`Die Liquidität macht ${measured} des Portfolios aus; sie sollte zwischen ${least} und ${most}
      liegen.`,
    SUIT_DATA_QUALITY: ({ subject, what }) =>
      html`Zu ${named(subject)} fehlt eine Angabe (${what}), daher ist keine vollständige Beurteilung möglich.`,
    held: ({ subject, what }) =>
      html`${named(subject)} wird gehalten, obwohl der Produktstatus lautet: ${what}.`,
    increased: ({ subject, what }) =>
      html`${named(subject)} wird gekauft oder nimmt zu, obwohl der Produktstatus lautet: ${what}.`,
  },
  kind: { proposal: "Anlagevorschlag", run: "Umschichtung im Mandat" },
  titleOf: (kind, portfolio) =>
    kind === "proposal"
      ? `Vorschlag für das Portfolio ${portfolio}`
      : `Umschichtung des Portfolios ${portfolio}`,
  head: {
    portfolio: "Portfolio",
    mandate: "Mandat",
    jurisdiction: "Rechtsraum",
    version: "Fassung",
    versionOf: (shown, current) =>
      shown === current ? String(shown) : `${shown} (die neueste ist ${current})`,
    state: { proposal: "Stand", run: "Prüfung" },
    createdBy: "Erstellt von",
    createdAt: "Erstellt",
    reportedAt: "Dieser Bericht",
    notes: "Bemerkungen des Beraters",
    baseCurrency: "Basiswährung",
  },
  notices: {
    superseded: (shown, current) =>
      `Dies ist die Fassung ${shown}. Sie ist durch die Fassung ${current} ersetzt.`,
    unverified:
      "Die Überprüfung ist fehlgeschlagen: Was gespeichert ist, ist nicht, was aufgezeichnet wurde. Verlassen Sie sich nicht auf diesen Bericht.",
    unreadable:
      "Das gespeicherte Artefakt ist nicht lesbar, es wurde also verändert. Sein Inhalt kann nicht gezeigt werden.",
    blocked: "Gesperrt: Nichts davon darf ausgeführt werden, bevor die Angaben berichtigt sind.",
    ended: {
      REJECTED: "Dieser Vorschlag wurde abgelehnt.",
      CANCELLED: "Dieser Vorschlag wurde zurückgezogen.",
      EXPIRED: "Dieser Vorschlag ist verfallen.",
    },
  },
  badges: { valid: "Überprüft", invalid: "Überprüfung fehlgeschlagen", unchecked: "Nicht überprüft" },
  summary: {
    heading: "Auf einen Blick",
    status: "Ergebnis",
    gate: "Von der Simulation verlangt",
    value: "Wert des Portfolios",
    before: (value) => `vorher: ${value}`,
    turnover: "Umschlag",
    ofPortfolio: (share) => `${share} des Portfolios`,
    drift: "Abstand vom Modell",
    newFindings: "Neue Befunde der Eignung",
    findingCounts: (persistent, resolved) => `unverändert: ${persistent}, behoben: ${resolved}`,
    failedChecks: "Nicht bestandene Regeln",
    checkCount: (count) => `von ${count}`,
    trades: "Aufträge",
    tradeCounts: (bought, sold) => `Käufe: ${bought}, Verkäufe: ${sold}`,
  },
  allocation: {
    heading: "Aufteilung",
    assetClasses: "Nach Anlageklasse",
    instruments: "Nach Instrument",
    assetClass: "Anlageklasse",
    instrument: "Instrument",
    before: "Vorher",
    after: "Nachher",
    change: "Änderung",
    model: "Modell",
    value: "Wert nachher",
    chart: "Grafik",
    modelLine: (name, asOf) => `Das Modell ist ${name}, Stand ${asOf}.`,
    noModel: "Es gibt kein Modell zum Vergleich.",
    others: (count) => `${count} weitere`,
    othersNote: (shown, all) =>
      `Aufgeführt sind die ${shown} grössten von ${all}; die übrigen sind in der letzten Zeile zusammengefasst und stehen im Artefakt.`,
    stacked: (before, after) => `Aufteilung nach Anlageklasse: ${before}; ${after}`,
    bars: (before, after, model) => `vorher ${before}, nachher ${after}, Modell ${model}`,
    none: "Das Portfolio ist leer.",
  },
  trades: {
    heading: "Aufträge und Finanzierung",
    securities: "Aufträge",
    side: "Seite",
    instrument: "Instrument",
    quantity: "Stück",
    notional: "Betrag",
    notionalBase: (currency) => `In ${currency}`,
    reason: "Grund",
    waits: "nach dem, wovon er abhängt",
    none: "Keine Aufträge.",
    cashFlows: "Geldflüsse",
    amount: "Betrag",
    description: "Beschreibung",
    fx: "Devisen",
    pair: "Währungspaar",
    buys: "Kauft",
    sells: "Verkauft, geschätzt",
    funding: "Finanzierung nach Währung",
    required: "Benötigt",
    available: "Vorhanden vor dem Wechsel",
    exchanged: "Zu wechseln",
    from: "Aus",
    shortfall: (money) => `Es fehlt Liquidität: ${money}.`,
    leftOut: "Ausgelassen",
    estimated: "Beträge sind Schätzungen mit den übergebenen Kursen.",
  },
  costs: {
    heading: "Was es kostet",
    bought: "Käufe",
    sold: "Verkäufe",
    turnover: "Umschlag, Käufe und Verkäufe",
    share: "Anteil am Portfolio vorher",
    limit: "Grenze",
    unvalued: (count) =>
      `${count} Aufträge, deren Wert in der Basiswährung nicht bekannt ist, sind in diesen Summen nicht enthalten.`,
    gain: "Realisierte Gewinne",
    loss: "Realisierte Verluste",
    budget: "Budget für realisierte Gewinne",
    used: "Davon beansprucht",
    noBudget: "keines",
    noTax: "Steuern auf Gewinne sind nicht berechnet.",
    fees: "Gebühren, Kommissionen und Geld-Brief-Spannen sind in diesen Zahlen nicht enthalten.",
  },
  suitability: {
    heading: "Eignung",
    unavailable: "Die Prüfung der Eignung war für diesen Vorschlag ausgeschaltet.",
    none: "Keine Befunde, weder vorher noch nachher.",
    finding: "Befund",
    severity: "Schwere",
    dimension: "Bereich",
    change: "Änderung",
    counts: (fresh, persistent, resolved) =>
      `Neu: ${fresh}, unverändert: ${persistent}, behoben: ${resolved}.`,
  },
  checks: {
    heading: "Regeln",
    rule: "Regel",
    kind: "Art",
    result: "Ergebnis",
    passed: "Bestanden",
    failed: "Nicht bestanden",
    measured: "Gemessen",
    limits: "Grenzen",
    noLimit: "keine Grenze",
    between: (least, most) => `${least} bis ${most}`,
    warnings: "Warnungen",
    missing: "Fehlende Daten",
  },
  decisions: {
    heading: "Genehmigungen und Verlauf",
    hidden: "In dieser Installation werden sie nicht gezeigt.",
    approvals: { proposal: "Genehmigungen", run: "Entscheide der Prüfung" },
    none: "Es wurde nichts genehmigt oder abgelehnt.",
    what: "Was",
    decision: "Entscheid",
    approved: "Genehmigt",
    denied: "Abgelehnt",
    who: "Wer",
    signedInAs: (subject) => html`angemeldet als ${subject}`,
    version: "Fassung",
    otherVersion: "nicht die gezeigte",
    when: "Wann",
    details: "Einzelheiten",
    history: "Verlauf",
    state: "Stand",
    earlier: (count) => `${count} frühere Einträge sind nicht aufgeführt.`,
    waived: {
      segregation: "durch den Ersteller, wie es diese Installation zulässt",
      blocked: "obwohl gesperrt, wie es diese Installation zulässt",
      distinct: "eine zweite Aufgabe derselben Person, wie es diese Installation zulässt",
    },
  },
  evidence: {
    heading: "Nachweis",
    verification: "Überprüfung",
    valid: (moment) =>
      `Alles Gespeicherte wurde beim Erstellen dieses Berichts neu berechnet (${moment}): Nichts ist verändert, fehlt oder ist vertauscht.`,
    invalid: (moment) =>
      `Alles Gespeicherte wurde beim Erstellen dieses Berichts neu berechnet (${moment}). Dies stimmt nicht:`,
    hidden: "In dieser Installation wird nicht überprüft.",
    checked: "Geprüft",
    record: "Eintrag",
    id: "Kennung",
    fault: "Was nicht stimmt",
    identifiers: "Kennungen",
    hashes: "Prüfsummen",
    engine: "Rechenkern",
    rules: "Regelstand",
  },
  disclosures: {
    heading: "Annahmen und Hinweise",
    simulated:
      "Berechnet mit den übergebenen Kursen; tatsächliche Ausführungen werden abweichen, und Anlagen können an Wert verlieren.",
    marketData: "Marktdaten",
    pricesAsOf: "Kurse vom",
    ratesAsOf: "Wechselkurse vom",
    valuation: "Bewertung",
    documents: "Produktunterlagen",
    rounding:
      "Zahlen sind zum Lesen gerundet, bei der Mitte zur geraden Ziffer; die genauen stehen im Artefakt, dessen Prüfsumme oben steht.",
  },
  wave: deWave,
  foot: {
    madeBy: "Von Ballast allein aus dem gespeicherten Artefakt erstellt.",
    moments: "Alle Zeiten sind UTC.",
  },
};
