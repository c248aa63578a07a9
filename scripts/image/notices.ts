import { type InstalledPackage, licenseTexts } from './installed-package.ts';

const RULE = '='.repeat(80);

/** THIRD_PARTY_LICENSES: every package of the image with the text of its licence. */
export function thirdPartyLicenses(packages: readonly InstalledPackage[]): string {
  const sections = sorted(packages).map((installed) => {
    const texts = licenseTexts(installed);
    const heading = `${RULE}\n${installed.name} ${installed.version}, licensed as ${installed.license}\n${RULE}`;
    return [heading, ...(texts.length > 0 ? texts : ['The package carries no licence text of its own.'])].join('\n\n');
  });
  return `${sections.join('\n\n\n')}\n`;
}

/**
 * The software bill of materials, in CycloneDX 1.6 (https://cyclonedx.org/docs/1.6/json/): a bundle hides its packages from
 * image scanners, and this file shows them. Without a serial number and a time, so that the same packages give the same file.
 */
export function billOfMaterials(
  component: { name: string; version: string },
  packages: readonly InstalledPackage[],
): string {
  const document = {
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    version: 1,
    metadata: { component: { type: 'application', ...component } },
    components: sorted(packages).map(({ name, version, license }) => ({
      type: 'library',
      'bom-ref': packageUrl(name, version),
      name,
      version,
      purl: packageUrl(name, version),
      licenses: [{ expression: license }],
    })),
  };
  return `${JSON.stringify(document, undefined, 2)}\n`;
}

/** https://github.com/package-url/purl-spec: the `@` of a scope is escaped. */
function packageUrl(name: string, version: string): string {
  return `pkg:npm/${name.replace('@', '%40')}@${version}`;
}

/** By name and version, each once: npm may have installed the same version in two places. */
function sorted(packages: readonly InstalledPackage[]): InstalledPackage[] {
  const byId = new Map(packages.map((installed) => [`${installed.name} ${installed.version}`, installed]));
  return [...byId.entries()].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, installed]) => installed);
}
