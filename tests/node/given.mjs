// What a program is told on its standard input, as JSON.
import { readFileSync } from "node:fs";

export const given = JSON.parse(readFileSync(0, "utf8"));
