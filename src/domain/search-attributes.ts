import { defineSearchAttributeKey } from '@temporalio/common';

/**
 * The search attributes of every image workflow. `temporal-dev.yaml` declares the same set (a test compares the two),
 * and `imagefactory setup` registers them on any cluster. SQL visibility stores allow ten keyword attributes per
 * namespace.
 */
export const SEARCH_ATTRIBUTES = {
  imageType: defineSearchAttributeKey('ImageFactoryType', 'KEYWORD'),
  os: defineSearchAttributeKey('ImageFactoryOs', 'KEYWORD'),
  osVersion: defineSearchAttributeKey('ImageFactoryOsVersion', 'KEYWORD'),
  arch: defineSearchAttributeKey('ImageFactoryArch', 'KEYWORD'),
  template: defineSearchAttributeKey('ImageFactoryTemplate', 'KEYWORD'),
  phase: defineSearchAttributeKey('ImageFactoryPhase', 'KEYWORD'),
  status: defineSearchAttributeKey('ImageFactoryStatus', 'KEYWORD'),
  glanceId: defineSearchAttributeKey('ImageFactoryGlanceId', 'KEYWORD'),
} as const;
