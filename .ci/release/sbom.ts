import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);
const MAX_BYTES = 1e8;
const SBOM = ['sbom', '--sbom-format=cyclonedx', '--package-lock-only'];

/** npm's mark of what is a dependency of devDependencies alone. */
const DEVELOPMENT = 'cdx:npm:package:development';

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
  readonly properties: readonly { readonly name: string }[];
}

interface Dependency {
  readonly ref: string;
  readonly dependsOn: readonly string[];
}

interface Bom {
  serialNumber?: string;
  readonly metadata: { timestamp?: string; component: Component };
  readonly components: readonly Component[];
  readonly dependencies: readonly Dependency[];
}

/**
 * What is in an executable, as CycloneDX: npm's list of the script's packages, and the package `runtime` that brings its
 * Node.js, from the project in the folder `runtimeProject`. Without time and random number, so that builds are alike.
 */
export async function sbom(runtime: string, runtimeProject: string): Promise<string> {
  const [script, node] = await Promise.all([list('.'), list(runtimeProject)]);
  // With --omit=dev npm leaves out what a package for development needs as well, such as signal-exit.
  const shipped = script.components.filter((part) => !part.properties.some(({ name }) => name === DEVELOPMENT));
  delete script.serialNumber;
  delete script.metadata.timestamp;
  const { name } = JSON.parse(await readFile('package.json', 'utf8')) as { name: string };
  const { component } = script.metadata;
  const runtimes = node.components.filter((part) => part.name === runtime);
  const refs = runtimes.map((part) => part['bom-ref']);
  const isIn = new Set([component['bom-ref'], ...shipped.map((part) => part['bom-ref'])]);
  const whole = {
    ...script,
    // npm names the project after its folder.
    metadata: { ...script.metadata, component: { ...component, name, type: 'application' } },
    components: [...shipped, ...runtimes],
    dependencies: [
      ...script.dependencies
        .filter(({ ref }) => isIn.has(ref))
        .map(({ ref, dependsOn }) => ({
          ref,
          dependsOn: [...dependsOn.filter((on) => isIn.has(on)), ...(ref === component['bom-ref'] ? refs : [])],
        })),
      ...refs.map((ref) => ({ ref, dependsOn: [] })),
    ],
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}

async function list(cwd: string): Promise<Bom> {
  const { stdout } = await run('npm', SBOM, { cwd, maxBuffer: MAX_BYTES });
  return JSON.parse(stdout) as Bom;
}
