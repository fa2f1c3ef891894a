// Prints the source of axe-core, for a page to run.

import axe from "axe-core";

console.log(axe.source);
