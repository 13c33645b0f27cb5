import type { Plugin } from 'vite';

async function gzipSize(code: string): Promise<number> {
  const packed = new Blob([code]).stream().pipeThrough(new CompressionStream('gzip'));
  return (await new Response(packed).arrayBuffer()).byteLength;
}

/** Pages that somebody may see first. A room is not among them: it loads media code once it is entered. */
const isPage = (id: string | null): boolean => id !== null && /\/src\/pages\/(?!room\/).*Page\.tsx$/.test(id);

/** Fails the build if what any page needs to show itself first takes more than `limit` bytes of JavaScript gzipped. */
export function firstRouteBudget(limit: number): Plugin {
  return {
    name: 'first-route-budget',
    apply: 'build',
    async generateBundle(_options, bundle) {
      const chunks = Object.values(bundle).filter((file) => file.type === 'chunk');
      const sizes = new Map(await Promise.all(chunks.map(async (chunk) => [chunk.fileName, await gzipSize(chunk.code)] as const)));
      const withImports = (names: string[]): Set<string> => {
        const all = new Set(names);
        // The set grows while it is walked: what a chunk imports statically is loaded with it.
        for (const name of all) chunks.find((chunk) => chunk.fileName === name)?.imports.forEach((imported) => all.add(imported));
        return all;
      };
      const entries = chunks.filter((chunk) => chunk.isEntry).map((chunk) => chunk.fileName);
      const pages = chunks.filter((chunk) => isPage(chunk.facadeModuleId));
      if (pages.length === 0) this.error('no page has a chunk of its own, so that the budget would guard nothing');
      for (const page of pages) {
        const size = [...withImports([...entries, page.fileName])].reduce((sum, name) => sum + (sizes.get(name) ?? 0), 0);
        this.info(`${page.name}: ${size} bytes of JavaScript`);
        if (size > limit) this.error(`${page.name} loads ${size} bytes of JavaScript, ${limit} are allowed`);
      }
    },
  };
}
