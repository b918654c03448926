import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const SBOM = ['sbom', '--sbom-format=cyclonedx', '--package-lock-only'];

interface Component {
  readonly 'bom-ref': string;
  readonly name: string;
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
  const [script, node] = await Promise.all([list(['--omit=dev'], '.'), list([], runtimeProject)]);
  delete script.serialNumber;
  delete script.metadata.timestamp;
  const { name } = JSON.parse(await readFile('package.json', 'utf8')) as { name: string };
  const { component } = script.metadata;
  const runtimes = node.components.filter((part) => part.name === runtime);
  const refs = runtimes.map((part) => part['bom-ref']);
  const whole = {
    ...script,
    // npm names the project after its folder.
    metadata: { ...script.metadata, component: { ...component, name, type: 'application' } },
    components: [...script.components, ...runtimes],
    dependencies: [
      ...script.dependencies.map((part) =>
        part.ref === component['bom-ref'] ? { ...part, dependsOn: [...part.dependsOn, ...refs] } : part,
      ),
      ...refs.map((ref) => ({ ref, dependsOn: [] })),
    ],
  };
  return `${JSON.stringify(whole, undefined, 2)}\n`;
}

async function list(options: readonly string[], cwd: string): Promise<Bom> {
  const { stdout } = await run('npm', [...SBOM, ...options], { cwd: join(cwd) });
  return JSON.parse(stdout) as Bom;
}
