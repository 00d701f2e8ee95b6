import type { FederationPreset } from './preset.ts'

const GITHUB: FederationPreset = {
  title: 'GitHub Actions',
  issuer: 'https://token.actions.githubusercontent.com',
  // Also of an enterprise with an issuer of its own, with data residency, and of GitHub Enterprise Server.
  issuerPattern:
    /^https:\/\/(token\.actions\.(githubusercontent\.com|[\w-]+\.ghe\.com)(\/[\w-]+)?|[\w.-]+(:\d+)?\/_services\/token)$/,
  issuerExample: 'https://token.actions.githubusercontent.com',
  keys: { source: 'discovery' },
  requiredClaims: [['repository_id'], ['repository_owner_id']],
  maxLifetimeSeconds: 3600,
  claims: [
    { claim: ['repository_id'], meaning: 'Id of the repository. It outlives renames.', example: '456789' },
    {
      claim: ['repository_owner_id'],
      meaning: 'Id of the organization or user that has the repository.',
      example: '123456',
    },
    {
      claim: ['sub'],
      meaning:
        'Repository and what runs: a branch, a tag, an environment or pull_request. It can be customized.',
      example: 'repo:octo-org@123456/octo-repo@456789:ref:refs/heads/main',
    },
    { claim: ['ref'], meaning: 'Branch or tag that the workflow runs for.', example: 'refs/heads/main' },
    {
      claim: ['environment'],
      meaning: 'Environment of the job, with its protection rules. Missing without one.',
      example: 'production',
    },
    { claim: ['event_name'], meaning: 'What started the workflow.', example: 'push' },
    {
      claim: ['job_workflow_ref'],
      meaning: 'Workflow file and ref that the job is defined in; for a reusable workflow, that one.',
      example: 'octo-org/octo-repo/.github/workflows/deploy.yml@refs/heads/main',
    },
    {
      claim: ['runner_environment'],
      meaning: 'Whose machine it is: github-hosted or self-hosted.',
      example: 'github-hosted',
    },
    { claim: ['repository'], meaning: 'Owner and name of the repository.', example: 'octo-org/octo-repo' },
    { claim: ['repository_owner'], meaning: 'Name of the owner.', example: 'octo-org' },
    { claim: ['repository_visibility'], meaning: 'public, private or internal.', example: 'private' },
    { claim: ['actor_id'], meaning: 'Id of the person who started it.', example: '12' },
  ],
  warnings: [
    'Names can be reused: pin repository_id and repository_owner_id, not repository or the name of the owner.',
    'The default sub has ids in it for repositories created, renamed or transferred since 15 July 2026, and names ' +
      'alone for others.',
    'A binding to a repository alone holds for each of its branches and pull requests: add ref or environment.',
  ],
}

const GITLAB: FederationPreset = {
  title: 'GitLab CI/CD',
  issuer: 'https://gitlab.com',
  // A self-managed instance is its own issuer.
  issuerPattern: /^https:\/\/[\w.-]+(:\d+)?(\/[\w./-]*[\w-])?$/,
  issuerExample: 'https://gitlab.com, or the address of your instance',
  keys: { source: 'discovery' },
  requiredClaims: [['project_id'], ['namespace_id']],
  maxLifetimeSeconds: 3600,
  claims: [
    { claim: ['project_id'], meaning: 'Id of the project. A text.', example: '20' },
    {
      claim: ['namespace_id'],
      meaning: 'Id of the group or user that has the project. A text.',
      example: '72',
    },
    {
      claim: ['sub'],
      meaning: 'Path of the project and the ref. It can be customized by project.',
      example: 'project_path:my-group/my-project:ref_type:branch:ref:main',
    },
    { claim: ['ref'], meaning: 'Name of the branch or tag, without refs/heads/.', example: 'main' },
    { claim: ['ref_type'], meaning: 'branch or tag.', example: 'branch' },
    { claim: ['ref_protected'], meaning: 'The text "true" where the ref is protected.', example: 'true' },
    { claim: ['environment'], meaning: 'Environment that the job deploys to.', example: 'production' },
    {
      claim: ['environment_protected'],
      meaning: 'The text "true" where the environment is protected.',
      example: 'true',
    },
    { claim: ['pipeline_source'], meaning: 'What started the pipeline.', example: 'push' },
    {
      claim: ['ci_config_ref_uri'],
      meaning: 'File and ref that define the pipeline.',
      example: 'gitlab.com/my-group/my-project//.gitlab-ci.yml@refs/heads/main',
    },
    { claim: ['project_path'], meaning: 'Path of the project.', example: 'my-group/my-project' },
    { claim: ['namespace_path'], meaning: 'Path of the group or user.', example: 'my-group' },
    { claim: ['runner_environment'], meaning: 'gitlab-hosted or self-hosted.', example: 'gitlab-hosted' },
  ],
  warnings: [
    'Names can be reused: pin project_id and namespace_id, not the paths.',
    'A binding to a project alone holds for each of its branches: add ref_protected "true", ref or environment.',
    'An ID token lives as long as the job may run: set max_lifetime_seconds to the longest timeout of your jobs.',
  ],
}

export const PIPELINE_PRESETS = { github: GITHUB, gitlab: GITLAB } as const
